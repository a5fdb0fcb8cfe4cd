export {
  presentUsers, type PresentUser, type PresentUsers, type PresentUsersConnection, type PresentUsersEvents, type PresentUsersOptions
} from './presence/present-users.js';
